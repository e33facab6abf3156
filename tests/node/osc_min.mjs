// Reads datagrams from stdin, each behind its length (int32, big-endian), and answers one line for each:
// "ok <messages>", or "error <why>".
import * as osc from "osc-min";

const count = (packet) =>
  packet.oscType === "bundle" ? packet.elements.reduce((sum, element) => sum + count(element), 0) : 1;

const answer = (datagram) => {
  try {
    const packet = osc.fromBuffer(new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength));
    return `ok ${count(packet)}`;
  } catch (error) {
    return `error ${String(error.message).replaceAll("\n", " ")}`;
  }
};

let held = Buffer.alloc(0);
process.stdin.on("data", (piece) => {
  held = Buffer.concat([held, piece]);
  const answers = [];
  let at = 0;
  while (held.length - at >= 4 && held.length - at - 4 >= held.readInt32BE(at)) {
    const end = at + 4 + held.readInt32BE(at);
    answers.push(answer(held.subarray(at + 4, end)) + "\n");
    at = end;
  }
  held = held.subarray(at);
  process.stdout.write(answers.join(""));
});
