/** The link of `npm start` to the console. A code in its fragment signs in once, and browsers send no fragments. */

import { EXAMPLE_ENVIRONMENT, EXAMPLE_PATH } from "./example-place.ts";

const CODE = /^[A-Za-z0-9_-]{43}$/;

export function consoleLink(url: string): string {
  return `${url}/console/-/${EXAMPLE_PATH}/runs`;
}

/**
 * A link that signs in; null if the service does not answer or gives no code for this token. `rootToken`: the
 * operator's token.
 */
export async function signInLink(url: string, rootToken: string): Promise<string | null> {
  const { org, project } = EXAMPLE_ENVIRONMENT;
  try {
    const response = await fetch(`${url}/${org}/${project}/sign-in-codes`, {
      method: "POST",
      headers: { Authorization: `Bearer ${rootToken}`, "Content-Type": "application/json" },
      body: "{}",
      redirect: "error",
    });
    const { code } = (await response.json()) as { readonly code?: unknown };
    return typeof code === "string" && CODE.test(code) ? `${consoleLink(url)}#code=${code}` : null;
  } catch {
    return null;
  }
}
