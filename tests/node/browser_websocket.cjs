// Gives a browser's script that runs in Node the WebSocket that browsers have: `node --require ./browser_websocket.cjs`.
globalThis.WebSocket = require("ws");
