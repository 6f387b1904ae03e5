"""What people press in Slack: received, looked at with suspicion, and left for the daemon as an order like any other."""
