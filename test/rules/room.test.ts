/** `npm run test:room` chooses the tests of what has changed. */

import { globSync } from "node:fs";
import { expect, it } from "vitest";
import { ROOT } from "../../src/dev/wrangler.ts";
import { ALSO, projectsOf, roomOf } from "../room/room.ts";

const ALWAYS = [
  "test/hostile/tenancy.test.ts",
  "test/http/http.test.ts",
  "test/openapi/every-operation.test.ts",
  "test/rules/rooms.test.ts",
];
const TESTS = [
  "test/console/gates.test.ts",
  "test/gates/pauses.test.ts",
  "test/gates/story/story.test.ts",
  ...ALWAYS,
  "test/runs/api/bulk/cancel.test.ts",
  "test/runs/api/events.test.ts",
  "test/runs/run.test.ts",
  "test/server/console/gates.test.ts",
  "test/server/console/session.test.ts",
  "test/tools/start.test.ts",
];
const chosen = (...changed: readonly string[]) => roomOf(changed, TESTS).files.filter((file) => !ALWAYS.includes(file));

it("takes the tests directly in the folder that mirrors the file's", () => {
  expect(chosen("src/runs/transition.ts")).toEqual(["test/runs/run.test.ts"]);
  expect(chosen("src/runs/api/change-routes.ts")).toEqual(["test/runs/api/events.test.ts"]);
});

it("takes the folder above if none mirrors the file's", () => {
  expect(chosen("src/runs/coordinator/sending/outbox.ts")).toEqual(["test/runs/run.test.ts"]);
});

it("takes what a room is tested by elsewhere", () => {
  expect(chosen("src/runs/scheduling.ts")).toEqual(["test/gates/pauses.test.ts", "test/runs/run.test.ts"]);
  expect(chosen("src/runs/api/bulk/bulk-routes.ts")).toEqual(["test/runs/api/bulk/cancel.test.ts"]);
  expect(chosen("src/console/gates/pause.tsx")).toEqual([
    "test/console/gates.test.ts",
    "test/server/console/gates.test.ts",
  ]);
});

it("takes a changed test alone, and of changed help for tests the folder", () => {
  expect(chosen("test/gates/pauses.test.ts")).toEqual(["test/gates/pauses.test.ts"]);
  expect(chosen("test/gates/stage.ts")).toEqual(["test/gates/pauses.test.ts"]);
});

it("always adds tenancy, every operation, HTTP and the import rules", () => {
  expect(roomOf([], TESTS).files).toEqual(ALWAYS);
});

it("says what only the whole suite tests, and what nothing tests", () => {
  const { everywhere, unmirrored } = roomOf(["src/base/json.ts", "test/support/faults.ts", "LICENSE"], TESTS);
  expect([everywhere, unmirrored]).toEqual([["src/base/json.ts", "test/support/faults.ts"], ["LICENSE"]]);
});

it("names rooms and tests that are there", () => {
  const tests = globSync("test/**/*.test.ts", { cwd: ROOT });
  const rooms = Object.keys(ALSO);
  expect(rooms.filter((room) => globSync([`${room}*`, `${room}*/**`], { cwd: ROOT }).length === 0)).toEqual([]);
  const named = Object.values(ALSO).flat();
  expect(named.filter((name) => !tests.some((file) => file.startsWith(name.replace(/\*$/, ""))))).toEqual([]);
});

it("knows the project of each test", () => {
  expect(projectsOf(TESTS)).toEqual(["node", "runtime", "server", "tools"]);
});
