"""Segments that people define: rules over columns of customers, who is in them, and what distinguishes the members."""
