"""Why a rollout is where it is, from what the database keeps: for `explain`, and for the picture in Slack.

finding     which rollout is meant, and everything that is kept of it
evidence    what the counts say: odds, ratio, rates
needed      how much a stage still needs before it can be left
upcoming    what happens next, and when
document    all of that as one document
timeline    how it came to that, in at most sixty points in time
picture     the timeline, drawn

Nothing is decided here, nothing is asked of any service, and nothing is written.
"""
