/** adnanh/webhook with examples/shell. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { playCircle } from "./circle.ts";
import { filledIn, shipped } from "./example.ts";

const SECRET = "a-secret-of-the-hook";

playCircle({
  name: "webhook",
  programs: ["webhook", "curl"],
  example: "shell",
  host: "https://hooks.example.com",
  places: { YOUR_HOOK_SECRET: SECRET },
  copies: ["examples/shell/job.sh", "reporters/report.sh"],
  async prepare({ folder, opt, port, processes }) {
    const runs = join(folder, "runs");
    const hooks = join(folder, "hooks.json");
    mkdirSync(runs);
    const places = { "/opt/action-runs": opt.path, YOUR_HOOK_SECRET: SECRET };
    writeFileSync(hooks, filledIn(shipped("shell/hooks.json"), places));
    const url = `http://127.0.0.1:${port}`;
    const command = ["webhook", "-hooks", hooks, "-ip", "127.0.0.1", "-port", String(port)];
    return {
      url,
      // The heartbeats tell this job that its run was cancelled.
      start: () => processes.serve(url, command, { RUNS_FOLDER: runs, BEAT_EVERY_SECONDS: "0.5" }),
      logs: async () => {
        const files = readdirSync(runs, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
        return processes.printed + files.map((file) => readFileSync(join(file.parentPath, file.name))).join("\n");
      },
    };
  },
  output: (version) => ({ deployed: version }),
  error: "Exited with status 3.\n3 tests failed",
  stoppedError: "Stopped by SIGTERM.",
  logged: "deployed early",
});
