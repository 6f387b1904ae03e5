"""What the counts say, as e-values: running scores that may be looked at as often as one likes.

An e-process `E` starts at 1 and grows only by chance while a release is within its tolerated margin: the chance
that it ever reaches 100 is at most 1 in 100, however often one looks (Ville 1939; decision-engine.md). Everything
is in log space and in closed form.

    grid        the alternatives that are tried, and how far crash loops temper them
    increments  what one bucket says for each alternative
    noise       how much the ratio of the arms varies from hour to hour, learned from past buckets
    restarts    late regressions: the evidence may begin at any bucket
    course      one signal's buckets folded in order, once; a changed bucket refolds from there
    ratings     what stars say, as a bet
    ratio       the ratio for people: a point, a confidence sequence, bands
    weighing    all signals of a rollout, merged
    planning    how long a regression takes to be seen, computed before anything runs
"""
