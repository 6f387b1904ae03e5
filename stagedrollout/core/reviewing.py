"""Where a release stands in the store's review, in words: what it means for a raise, and for a halt."""

from __future__ import annotations

from stagedrollout.core.model import ReviewState

REVIEW_WORDS = {
    ReviewState.DRAFT: "the store still calls it a draft: it goes out once a person has sent it for review",
    ReviewState.NOT_SENT_FOR_REVIEW: "a person must send it for review in the store's console",
    ReviewState.IN_REVIEW: "waits for the store's review",
    ReviewState.APPROVED_NOT_PUBLISHED: "approved; a person must publish it in the store's console",
    ReviewState.NOT_APPROVED: "review has rejected it; a person must look in the store's console",
    ReviewState.PUBLISHED: "published",
    ReviewState.NOT_LISTED: "the store does not say yet where its review stands",
    ReviewState.UNREAD: "where its review stands was not read yet",
    ReviewState.UNKNOWN: "the store uses a review state we do not know",
}
"""Why a release that reads rolled out is not out."""

FOR_A_PERSON = frozenset(
    {
        ReviewState.NOT_SENT_FOR_REVIEW,
        ReviewState.APPROVED_NOT_PUBLISHED,
        ReviewState.NOT_APPROVED,
    }
)
"""Nothing goes on by itself: there is no API to send changes for review or to publish what is approved
(google-play.md section 5.3)."""

_HALTS = {
    ReviewState.DRAFT: "the store calls the halt a draft; a person must send it for review in its console",
    ReviewState.NOT_SENT_FOR_REVIEW: "the halt waits until a person sends it for review in the store's console",
    ReviewState.IN_REVIEW: "the halt waits for the store's review",
    ReviewState.APPROVED_NOT_PUBLISHED: "the halt is approved, and waits until a person publishes it in the store's console",
    ReviewState.NOT_APPROVED: "review has rejected the change that holds the halt; a person must look in the store's console",
    ReviewState.UNREAD: "whether a review holds the halt was not read yet",
    ReviewState.UNKNOWN: "whether a review holds the halt is not known: the store uses a state we do not know",
}


def halt_words(review: ReviewState) -> str:
    """Why a release that reads halted does not count as halted; "" where nothing holds the halt."""
    return _HALTS.get(review, "")
