"""How notifications reach those who subscribed."""
