"""The contract: tables, events, ids, declared once."""
