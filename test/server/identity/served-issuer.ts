/** An issuer of programs at an address of this machine. */

import type { SigningIssuer } from "../../identity/issuer.ts";
import { type NodeServer, serve } from "../../support/node-server.ts";

export interface ServedIssuer extends NodeServer, SigningIssuer {
  /** The paths that were asked for, in order. */
  readonly requests: string[];
  /** From now on it is another one, with other keys. Null: it answers 503. */
  become(issuer: SigningIssuer | null): void;
}

/** `make`: the issuer for the address. The claims of CI products can name another issuer only with inline keys. */
export async function serveIssuer(make: (url: string) => Promise<SigningIssuer>): Promise<ServedIssuer> {
  const requests: string[] = [];
  let current: SigningIssuer | null = null;
  const server = await serve((request, response) => {
    const path = request.url ?? "";
    requests.push(path);
    const document = current?.documents[path];
    if (current === null || document === undefined) {
      response.writeHead(current === null ? 503 : 404).end();
    } else {
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(document));
    }
  });
  const first = await make(server.url);
  current = first;
  return {
    ...server,
    ...first,
    requests,
    become(issuer) {
      current = issuer;
    },
  };
}
