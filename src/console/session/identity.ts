/** Signing in at the issuer of the organization, and what the command line gets from that. PURE. */
import type { Schemas } from "../../client/index.ts";
import { type Page, type Project, pageAt, scopeOf } from "../pages.ts";
import { type Holder, opens } from "./sign-in.ts";

/** What the fragment of the address handed to the page. At most one of them is there. */
export interface Handed {
  /** Good once: of a sign-in at the issuer, or of a link that `npm start` printed. */
  readonly code: string | null;
  /** Why the sign-in at the issuer failed: a code of the API's errors. */
  readonly error: string | null;
}

/** Who signed in, and what they may open. */
export type Choices = Schemas["SignInChoices"];
/** A token that the person may open. */
export type Choice = Choices["tokens"][number];
/** What the command line asks for: its challenge of PKCE, its port on this machine, the characters that it printed. */
export type Login = Schemas["NewLoginCode"];

/** A `to` that the service refuses: it is too long, or could be read as another host. */
const IS_REFUSED = /^.{501}|\\|\/\//s;

/** Where a sign-in at the issuer leads back: to this page. `location`: of the window. */
export function returnTo(page: Page | null, { pathname, search } = location as Pick<Location, "pathname" | "search">) {
  if (page === null) return "/console";
  const path = `${pathname}${search}`;
  return IS_REFUSED.test(path) ? pathname : path;
}

/** Whether the session may see the page from which the person came. If not, they see the runs of what they chose. */
export function leadsBack(to: string, holder: Holder): boolean {
  const page = pageOf(to);
  if (page === null || page.name === "sign-in" || page.name === "choice") return false;
  return opens(holder, scopeOf(page));
}

/** The environment that `to` names, if it is one of this project. */
export function environmentOf(to: string, { o, p }: Project): string | null {
  const page = pageOf(to);
  const at = page && scopeOf(page);
  return at?.o === o && at.p === p ? at.envName : null;
}

function pageOf(to: string): Page | null {
  return pageAt(to.replace(/[?#].*$/, ""));
}

/** What the address of `/console/cli` asks for. Null if a part is missing or wrong. */
export function askedLogin(query: URLSearchParams): Omit<Login, "characters"> | null {
  const challenge = query.get("challenge") ?? "";
  const port = query.get("port") ?? "";
  const isWhole = /^[\w-]{43}$/.test(challenge) && /^[1-9]\d{0,4}$/.test(port) && Number(port) < 65_536;
  return isWhole ? { challenge, port: Number(port) } : null;
}

/** What somebody typed, as the service compares it. Base32 has no other characters. */
export function typedCharacters(text: string): string | null {
  const characters = text.toUpperCase().replaceAll(/[^A-Z0-9]/g, "");
  return /^[A-Z2-7]{6}$/.test(characters) ? characters : null;
}
