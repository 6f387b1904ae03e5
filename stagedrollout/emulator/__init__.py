"""Google Play, the App Store, Sentry and Slack as one small world that can be lied to, broken and replayed.

It stands alone: it imports nothing else of this project, so that it cannot agree with our clients by
accident. `World.handle(request)` is the whole of it; an HTTP door and an in-process door lead there.
"""
