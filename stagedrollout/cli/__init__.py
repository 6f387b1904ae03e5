"""The command line. It talks to the daemon through the database and calls no store itself."""
