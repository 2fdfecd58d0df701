"""What an application is: its manifest, runtime config and variables, and what it may reach."""
