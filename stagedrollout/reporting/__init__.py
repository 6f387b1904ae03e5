"""How a team's releases went, from what the database keeps: for `report`.

steps       a journal walked fact by fact, with the rollout before and after each
causes      to which cause an hour belongs: review, bake, closed hours, a hold, a halt
spans       the whole course of a release as spans of time, each with its one cause
stops       halts: what they rest on, how fast they were, what became of them
stages      the evidence with which each stage was left
hands       what people did: overrides, and changes in the store's console
release     all of that for one release, as one value
reading     the releases that are meant, from the database
overall     medians and sums over the selection
hints       what the numbers say about the policy, in a few sentences or none
document    all of that as one document
picture     one lane per release, drawn

Nothing is decided here, nothing is asked of any service, and nothing is written.
"""
