"""The stores, one room each. Nothing is imported here: a vendor's client is heavy and loaded when used."""
