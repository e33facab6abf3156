// Reads a GLB from stdin and answers what the Khronos validator says of it, as one line of JSON.
import * as validator from "gltf-validator";

const pieces = [];
process.stdin.on("data", (piece) => pieces.push(piece));
process.stdin.on("end", async () => {
  const report = await validator.validateBytes(new Uint8Array(Buffer.concat(pieces)), { maxIssues: 100 });
  process.stdout.write(JSON.stringify(report.issues) + "\n");
});
