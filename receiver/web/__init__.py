"""A receiver that runs, to a page in a browser: what is known, who may see and change it, and the server of both."""
