/** In which jurisdiction the Worker looks for coordinators. The local runtime has none, so a stand-in notes the call. */

import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { callCoordinator } from "../../src/runs/protocol.ts";
import { newRunsPath, scopeOfPath } from "../support/requests.ts";

it.each([
  ["eu", ["eu"]],
  ["", []],
  [undefined, []],
])("with the setting %s, coordinators are found in %j", async (JURISDICTION, expected) => {
  const asked: string[] = [];
  const inJurisdiction = (name: string) => {
    asked.push(name);
    return env.COORDINATORS;
  };
  const COORDINATORS = new Proxy(env.COORDINATORS, {
    get(namespace, name) {
      if (name === "jurisdiction") return inJurisdiction;
      if (JURISDICTION) throw new Error(`the namespace without a jurisdiction was asked for ${String(name)}`);
      return Reflect.get(namespace, name).bind(namespace);
    },
  });
  const bindings = { COORDINATORS, ...(JURISDICTION !== undefined && { JURISDICTION }) };
  const poke = callCoordinator(bindings, { coordinator: 0 }, scopeOfPath(newRunsPath()), ({ upkeep }) => upkeep.poke());
  await expect(poke).resolves.toBeNull();
  expect(asked).toEqual(expected);
});
