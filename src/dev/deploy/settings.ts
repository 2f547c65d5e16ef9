/** Asks the service's own code whether settings and secrets are valid, before they are deployed. */

import { bindingOf, variablesOf } from "./configuration.ts";
import { type Deployment, OPERATOR_FILE } from "./operator-file.ts";

type Variables = Readonly<Record<string, unknown>>;

/** What the files of src/settings have. */
interface Config {
  settingFaults(env: Variables, origin: string): readonly string[];
}
interface KeyRings {
  keyRing(secret: string): { readonly ok: true } | { readonly ok: false; readonly error: string };
}

/** By URL, so that the compiler does not follow it: settings have the types of Workers, and this folder those of Node. */
const load = async <T>(file: string) => (await import(new URL(`../../settings/${file}`, import.meta.url).href)) as T;

/** Throws what `/readyz` would say. `publicUrl`: where the service will be. */
export async function requireSettings(deployment: Deployment, publicUrl: string): Promise<void> {
  const { settingFaults } = await load<Config>("config.ts");
  const bound = Object.fromEntries(Object.keys(deployment.databases).map((number) => [bindingOf(Number(number)), {}]));
  const faults = settingFaults({ ...variablesOf(deployment, publicUrl), ...bound }, publicUrl);
  if (faults.length > 0) throw new Error(faults.map((fault) => `${OPERATOR_FILE}, settings: ${fault}`).join("\n"));
}

/** A sentence about each secret that is not valid, without its value. */
export async function secretFaults({ CALLBACK_SIGNING_KEYS = "", ROOT_TOKEN }: Secrets): Promise<readonly string[]> {
  const { settingFaults } = await load<Config>("config.ts");
  const ring = (await load<KeyRings>("key-ring.ts")).keyRing(CALLBACK_SIGNING_KEYS);
  const url = "https://runs.example";
  return [...(ring.ok ? [] : [ring.error]), ...settingFaults({ ROOT_TOKEN, PUBLIC_URL: url }, url)];
}

/** By their names. */
export type Secrets = Readonly<Record<string, string | undefined>>;
