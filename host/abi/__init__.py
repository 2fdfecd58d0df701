"""Calls between Python and a component: values, lifting, lowering, instances."""
