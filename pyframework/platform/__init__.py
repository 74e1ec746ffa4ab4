"""Bridges to particular event loops and libraries; nothing is imported here."""
