"""What an application is: its manifest, its runtime config, its variables, what it may reach."""
