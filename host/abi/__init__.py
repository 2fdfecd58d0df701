"""Makes calls between Python and a component: instances, and the conversion of values."""
