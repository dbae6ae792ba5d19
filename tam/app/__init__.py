"""The web app: ask about pictures in the browser, and see where each word came from."""
