/** Which names an object answers: those of its handlers' methods, and nothing that every JavaScript object has. */

import { runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { coordinator } from "../../support/direct.ts";
import { newRunsPath } from "../../support/requests.ts";

const NAMES: readonly (readonly [subject: string, name: string])[] = [
  ["runs", "toString"],
  ["runs", "constructor"],
  ["runs", "__proto__"],
  ["runs", "hasOwnProperty"],
  ["runs", "__lookupGetter__"],
  ["runs", "unheardOf"],
  ["constructor", "keys"],
  ["__proto__", "constructor"],
  ["toString", "call"],
  ["bulk", "driver"],
  ["archive", "takeBatch"],
];

it.each(NAMES)("%s.%s is no call", async (subject, name) => {
  await runInDurableObject(coordinator(newRunsPath()), async (object) => {
    await expect(async () => object.call(subject as "runs", name, [{}])).rejects.toThrow("has no call");
  });
});
