"""What whoever watches the daemon from outside is answered: /healthz, /readyz, /metrics, alert rules, a dashboard."""
