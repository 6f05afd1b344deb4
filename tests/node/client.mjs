// One WebSocket client of the npm package `ws`, driven by lines of JSON.
// Argument: {"url", "protocols"?, "headers"?}. Stdin: {"send": text} or {"close": code}. Stdout: one line an event.
import readline from "node:readline";
import WebSocket from "ws";

const { url, protocols = [], headers = {} } = JSON.parse(process.argv[2]);
const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");

const socket = new WebSocket(url, protocols, { headers, handshakeTimeout: 5000 });
const input = readline.createInterface({ input: process.stdin });

socket.on("open", () => say({ event: "open", protocol: socket.protocol }));
socket.on("message", (data, isBinary) =>
  say(isBinary ? { event: "binary", base64: data.toString("base64") } : { event: "message", text: data.toString() }));
socket.on("ping", () => say({ event: "ping" }));
socket.on("unexpected-response", (_request, response) => {
  say({ event: "refused", status: response.statusCode, headers: response.headers });
  process.exit(0);
});
socket.on("error", (error) => say({ event: "error", message: error.message }));
socket.on("close", (code, reason) => {
  say({ event: "close", code, reason: reason.toString() });
  process.exit(0);
});

input.on("line", (line) => {
  const command = JSON.parse(line);
  if ("close" in command) {
    socket.close(command.close);
  } else {
    socket.send(command.send);
  }
});
