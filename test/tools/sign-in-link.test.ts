/** The links that `npm start` prints on a terminal. A stand-in for the service gives the codes. */

import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { consoleLink, STARTING, welcome } from "../../src/dev/welcome.ts";
import { until } from "../server/until.ts";
import { Project } from "./project.ts";

const CODE = "c-o_d-e".repeat(7).slice(0, 43);
const LINK = new RegExp(`http://localhost:\\d+/console/-/acme/shop/production/runs#code=${CODE}\\s`, "g");

it("fits into 12 lines of 80 columns with what is printed before", () => {
  const url = "http://localhost:18787";
  const link = `${consoleLink(url)}#code=${CODE}`;
  const printed = `${STARTING}\n${welcome({ url, link, signsIn: true, hasEnter: true, withoutHello: null })}`;
  const rows = printed.split("\n").map((line) => Math.max(1, Math.ceil(line.length / 80)));
  expect(rows.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(12);
  // Only the link is longer than a line.
  expect(rows.filter((n) => n > 1)).toEqual([2]);
});

/** Linux's default, the lowest of the usual systems. */
const OUTGOING_PORTS_FROM = 32_768;

describe.skipIf(spawnSync("script", ["--version"]).status !== 0)("npm start on a terminal", () => {
  const project = new Project();
  project.standInForServer(201, { code: CODE, expiresAt: "2026-11-27T23:10:00Z" });
  afterAll(() => project.remove());

  it("prints a link that signs in, another one on Enter, and no token; Ctrl-C ends it", async () => {
    const start = project.runOnTerminal("start", "--", "--port", "0");
    const links = () => start.printed().match(LINK)?.length ?? 0;
    await start.until(/Press Enter for another link\. .*ROOT_TOKEN in \.dev\.vars/);
    expect(links()).toBe(1);
    for (const n of [2, 3]) {
      start.child.stdin?.write("\n");
      await until(`link ${n}`, () => links() === n);
    }
    const token = project.rootToken();
    expect(token).toMatch(/^root_/);
    expect(start.printed()).not.toContain(token);
    start.child.stdin?.write("\x03");
    await start.ended();
    const [url = ""] = /http:\/\/localhost:\d+/.exec(start.printed()) ?? [];
    // No port of an outgoing connection, which could take it before the server does.
    expect(Number(new URL(url).port)).toBeLessThan(OUTGOING_PORTS_FROM);
    const answers = () =>
      fetch(url).then(
        () => true,
        () => false,
      );
    await until("the server is gone", async () => !(await answers()));
  });
});
