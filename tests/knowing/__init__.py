"""What people are told when they ask: status, why-not, history, export, completion, and names that nobody knows."""
