/** zod: the responses of signing in with an issuer, for the OpenAPI document and the tests. */

import * as z from "zod";
import { described, responseInstant } from "../../http/response-schemas.ts";
import { ROLES } from "../principal.ts";
import { CURRENT, currentToken } from "../responses.ts";

const text = (description: string) => described(z.string(), description);

const CHOICES = {
  issuer: "https://id.example.com/realms/acme",
  issuerName: "Keycloak",
  subject: "7d1b4c1e-5a0f-4f0e-9a53-0d0f4b6a8c11",
  person: "ada@example.com",
  to: "/console",
  tokens: [
    {
      project: "acme/shop",
      id: "019c0e5a-1800-7000-8000-000000000000",
      name: "platform",
      role: "member",
      envName: null,
      mayApprove: true,
    },
  ],
};

export const signInChoices = z
  .object({
    issuer: z.string(),
    issuerName: text("The issuer's name, for people to read."),
    subject: text("What the issuer calls the person. It never changes."),
    person: text("The name under which the person acts."),
    to: text("The path of the console to show afterwards."),
    tokens: described(
      z.array(
        z.object({
          project: text("`{o}/{p}`"),
          id: z.string().meta({ format: "uuid", description: "The token's id." }),
          name: z.string(),
          role: z.enum(ROLES),
          envName: text("The only environment that the token opens. Null for the whole project.").nullable(),
          mayApprove: described(z.boolean(), "Whether the token may approve and reject runs."),
        }),
      ),
      "The tokens whose trust the person meets, at most 200. Empty if there is none.",
    ),
  })
  .meta({ id: "SignInChoices", examples: [CHOICES] });

export const loginCode = z
  .object({ code: text("Good for one `POST /session/login`."), expiresAt: responseInstant })
  .meta({ id: "LoginCode", examples: [{ code: "0".repeat(43), expiresAt: "2026-11-25T13:22:48.373Z" }] });

export const commandLineSession = z
  .object({
    token: text("Send it as `Authorization: Bearer ters_…`. Only this response contains it."),
    ...currentToken.shape,
  })
  .meta({ id: "CommandLineSession", examples: [{ token: `ters_${"0".repeat(43)}`, ...CURRENT }] });
