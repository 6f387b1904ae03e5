"""What whoever watches this daemon from outside is answered: /healthz, /readyz and /metrics.

`memory` is what the daemon has told of its turns and passes; `sampling` what only the database knows, read beside them;
`seen` both at one instant. `checks` judges that, `figures` makes the metrics of it that `table` lists, `page` writes them
(prometheus-client), `door` answers requests. `watching` holds it together. Nothing here can hold up a turn or a pass:
they leave values in memory, and all waiting is done on threads of this room.

`alerts.yaml` and `dashboard.json` are for Prometheus and Grafana; `stagedrollout metrics` prints them.
"""
