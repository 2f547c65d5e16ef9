/**
 * The third part of `npm run demo`, on the command line: an admin stores an action, and a member runs, watches, cancels
 * and retries it.
 */

import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { commandLine } from "./command-line.ts";
import { startJobReceiver } from "./job-receiver.ts";
import type { Demo } from "./telling.ts";

/** `folder`: for the files of this story. */
export async function showActions(demo: Demo, origin: string, rootToken: string, folder: string): Promise<void> {
  const key = randomBytes(16).toString("hex");
  const receiver = await startJobReceiver(key);
  try {
    demo.chapter("Store an action, with the secret of the receiver that it calls");
    const file = "release.json";
    const definition = JSON.stringify(definitionFor(receiver.origin, key), null, 2);
    writeFileSync(join(folder, file), definition, { mode: 0o600 });
    console.log(`\n${file}:\n${definition.replace(key, "…").replaceAll(/^/gm, "  ")}`);
    const admin = commandLine(origin, rootToken, folder);
    const stored = await admin.run("action", "put", "release", "--body", `@${file}`);
    demo.check(
      "the action is stored, and the response shows no secret",
      stored.code === 0 && /"key": null/.test(stored.printed) && !stored.printed.includes(key),
    );

    demo.chapter("Run it as a member, whose token holds no secret of the receiver");
    const created = await admin.run("token", "create", "portal", "--role", "member");
    const member = commandLine(origin, /terr_[\w-]+/.exec(created.printed)?.[0] ?? "", folder);
    const refused = await member.run("action", "run", "release");
    demo.check(
      "exit code 2: the action's schema requires a version",
      refused.code === 2 && refused.printed.includes("invalid_parameters"),
    );
    const started = await member.run("action", "run", "release", "-p", "version=1.2.3");
    const id = runIn(started.printed);
    demo.check(
      "exit code 0: the run is there, and only the receiver gets its callback token",
      started.code === 0 && id !== "" && !started.printed.includes("callback"),
    );

    demo.chapter("Watch it, and cancel it meanwhile");
    const watching = member.start("watch", id);
    await watching.until(/ heartbeat .*job 1 is at work/, / external url .*https:\/\/ci\.example\.com\/jobs\/1/);
    const cancelled = await member.run("cancel", id, "--reason", "wrong version", "--grace", "30");
    demo.check("exit code 0: the job was asked to stop", cancelled.code === 0);
    const watched = await watching.ended;
    demo.check("the receiver got a stop request", receiver.seen.includes("/api/jobs/1/stop"));
    demo.check(
      "exit code 1 of watch: the timeline shows who cancelled the run and why, and its end",
      watched.code === 1 &&
        / cancel requested .*by portal .*wrong version\n/.test(watched.printed) &&
        / ended .*cancelled, /.test(watched.printed),
    );

    demo.chapter("Retry it with another version, and wait for its end");
    const retried = await member.start("retry", id, "-p", "version=1.2.4", "--wait").ended;
    demo.check("exit code 0: the new run succeeded", retried.code === 0);
    const shown = await member.run("get", runIn(retried.printed), "--details");
    demo.check(
      "its details name the action, the run that it repeats, and the page of its job",
      /stored action: +release, version \d+\n/.test(shown.printed) &&
        shown.printed.includes(id) &&
        shown.printed.includes("https://ci.example.com/jobs/2"),
    );
  } finally {
    await receiver.close();
  }
}

function definitionFor(receiver: string, key: string) {
  const headers = { "X-Api-Key": "{{ secrets.key }}" };
  return {
    parametersSchema: { type: "object", required: ["version"] },
    trigger: {
      type: "webhook",
      url: `${receiver}/api/jobs`,
      headers,
      secrets: { key },
      startOn: "heartbeat",
      link: "{{ response.web_url }}",
      cancel: { url: `${receiver}/api/jobs/{{ response.id }}/stop`, headers },
    },
  };
}

/** The id of the first run in a command's text. */
function runIn(printed: string): string {
  return /^run: +(\S+)$/m.exec(printed)?.[1] ?? "";
}
