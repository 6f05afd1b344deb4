// Gives a browser's script that runs in Node the WebSocket that browsers have: `node --require ./browser_websocket.cjs`.
const WebSocket = require("ws");

// In a browser an error that nobody listens for is nothing special: the close event follows.
globalThis.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    this.on("error", () => {});
  }
};
