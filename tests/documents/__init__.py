"""Reads the documents, writes what is made from tables anew, and checks the commands in them."""
