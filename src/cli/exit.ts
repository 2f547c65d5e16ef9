/** How a command ends: the exit codes, which users rely on, and the sentence for an error. It prints nothing. */
import { CommanderError, type Option } from "commander";
import { ActionRunsError, type Schemas } from "../client/index.ts";
import { ProxyRefusal, proxyVariables } from "./proxy.ts";

export const EXIT = {
  succeeded: 0,
  failed: 1,
  usage: 2,
  /** Of `apply --dry-run`, which has another code for usage errors. */
  differs: 2,
  notAllowed: 3,
  notFound: 4,
  conflict: 5,
  unreachable: 6,
  timedOut: 7,
  stop: 8,
} as const;

/** 128 + SIGPIPE: the program that read our output is gone. */
export const READER_GONE = 141;

export const EXIT_CODES = `Exit codes:
  0  succeeded
  1  failed, or the run failed or was cancelled, or a test message failed, or a bulk operation was stopped or could not \
decide about a run
  2  usage error: an option, a setting or a value is wrong or missing; of \`apply --dry-run\`: there is a difference
  3  not allowed: the token is wrong or expired, its role is too low, or the run is your own
  4  not found
  5  conflict: the run already started or ended, or still waits, its concurrency group is \
full, the action or the webhook endpoint has another version, the idempotency key was used for another request, or a bulk \
operation matched too many runs or skipped all of them
  6  unreachable: no response, or one that is not from the service; try again
  7  timeout: --wait-timeout passed before the run or the bulk operation ended, which continues
  8  stop: the run of this job was cancelled, so the job must end
`;

/** The command line or a setting is wrong. The message says what to do. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A failure that is neither a usage error nor a response of the service. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof UsageError) return EXIT.usage;
  if (thrown instanceof CommandFailed) return thrown.exitCode;
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? EXIT.succeeded : EXIT.usage;
  if (!(thrown instanceof ActionRunsError)) return EXIT.failed;
  const { status, code } = thrown;
  if (status === 401 || status === 403) return EXIT.notAllowed;
  // An HTML page with any other status comes from a proxy or from another service.
  if (status === null || code === "unexpected_answer" || status === 429 || status >= 500) return EXIT.unreachable;
  if (status === 404) return EXIT.notFound;
  if (status === 409 || status === 412 || code === "idempotency_key_reused") return EXIT.conflict;
  return EXIT.usage;
}

export function exitCodeOfRun(status: Schemas["ActionRun"]["status"]): number {
  return status === "succeeded" ? EXIT.succeeded : EXIT.failed;
}

const EXIT_OF_ABORT: Readonly<Record<NonNullable<Schemas["BulkOperation"]["abortReason"]>, number>> = {
  asked: EXIT.failed,
  too_many_runs: EXIT.conflict,
  token_revoked: EXIT.notAllowed,
  token_expired: EXIT.notAllowed,
};

/** If all runs were skipped, nothing has happened: that is a conflict, as for a command about one run. */
export function exitCodeOfBulk({ status, abortReason, counts }: Schemas["BulkOperation"]): number {
  if (status === "aborted") return (abortReason && EXIT_OF_ABORT[abortReason]) ?? EXIT.failed;
  if (counts.failed > 0) return EXIT.failed;
  return counts.accepted === 0 && counts.skipped > 0 ? EXIT.conflict : EXIT.succeeded;
}

/** For stderr, with the request id that finds the request in the service's log. null if it was printed. */
export function errorSentence(thrown: unknown): string | null {
  if (thrown instanceof CommanderError) return null;
  if (!(thrown instanceof ActionRunsError)) return thrown instanceof Error ? thrown.message : String(thrown);
  const { code, requestId } = thrown;
  return `${explained(thrown)} (${[code, ...(requestId === null ? [] : [`request ${requestId}`])].join(", ")})`;
}

export function isCancelled(thrown: unknown): boolean {
  return thrown instanceof ActionRunsError && thrown.code === "run_cancelled";
}

/** What the client says of every such error. */
const CLIENT_ADVICE = "Check the address and the network, and try again.";
const AUTHORITY =
  "The server's certificate is from an authority that Node does not know. If you trust the authority, set " +
  "NODE_EXTRA_CA_CERTS to the path of a file with its certificate.";
const EXPIRED =
  "The server's certificate is not valid at this time. Check the clock of this machine, or have the certificate renewed.";

/** What each code means. `{}`: the name or the address that was tried. */
const MEANINGS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: AUTHORITY,
  DEPTH_ZERO_SELF_SIGNED_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: AUTHORITY,
  CERT_HAS_EXPIRED: EXPIRED,
  CERT_NOT_YET_VALID: EXPIRED,
  ERR_TLS_CERT_ALTNAME_INVALID: "The server's certificate is for another name. Check the address.",
  ERR_SSL_WRONG_VERSION_NUMBER:
    "The server does not speak TLS there. Check whether the address begins with http:// or https://.",
  ENOTFOUND: `The name {} was not found. ${CLIENT_ADVICE}`,
  EAI_AGAIN: `The name {} could not be looked up, because no name server answered. ${CLIENT_ADVICE}`,
  ECONNREFUSED: `Nothing accepts connections at {}. ${CLIENT_ADVICE}`,
};

/** Without a response: what happened, what to do, and the code of the cause, which Node hides. */
export function explained(error: ActionRunsError): string {
  if (error.code === "unreachable") return unreachableSentence(error);
  return error.code === "unexpected_answer" ? `${error.message}${proxyAdvice()}` : error.message;
}

function unreachableSentence({ message, cause }: ActionRunsError): string {
  const causes = causesOf(cause);
  const refusal = causes.find((one) => one instanceof ProxyRefusal);
  if (refusal !== undefined) return message.replace(CLIENT_ADVICE, () => refusalAdvice(refusal.status));
  const told = causes.find((one) => typeof one.code === "string" && /^[A-Z][A-Z0-9_]+$/.test(one.code));
  if (told === undefined) return message;
  const { code = "", hostname, address, port } = told;
  const host = address?.includes(":") ? `[${address}]` : address;
  const tried = hostname ?? (host === undefined ? "this address" : `${host}:${port}`);
  const meaning = (MEANINGS[code] ?? CLIENT_ADVICE).replace("{}", () => tried);
  const isCertificate = meaning === AUTHORITY || meaning === EXPIRED;
  return message.replace(CLIENT_ADVICE, () => `${meaning}${isCertificate ? "" : proxyAdvice()} The cause is ${code}.`);
}

interface Cause extends Error {
  readonly code?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
}

/** The error below fetch's own, and those below it. An AggregateError has one for each address that was tried. */
function causesOf(error: unknown): readonly Cause[] {
  if (!(error instanceof Error)) return [];
  const below = error instanceof AggregateError ? error.errors : [error.cause];
  return [...below.flatMap(causesOf), error];
}

function refusalAdvice(status: number): string {
  if (status === 407) {
    return "The proxy requires a user and a password. Put them into its address, as in HTTPS_PROXY=http://USER:PASSWORD@proxy.example.com:3128.";
  }
  return `The proxy did not connect to the server (status ${status}). Check the address, or add the host to NO_PROXY if it needs no proxy.`;
}

function proxyAdvice(): string {
  const [name] = proxyVariables();
  return name === undefined ? "" : ` ${name} names a proxy, so check the proxy too.`;
}

/** The members of requests whose option has another name. */
const OPTIONS: ReadonlyMap<string, string> = new Map([
  ["labels", "label"],
  ["maxRuns", "max"],
  ["graceSeconds", "grace"],
  ["gracePeriodSeconds", "gracePeriod"],
  // --wait-timeout says how long the command waits, and not the run.
  ["waitTimeout", "gateTimeout"],
]);

/** What the service says about HTTP, and what users of commands do instead. */
const WORDS: readonly (readonly [string, string])[] = [
  ["GET …/tokens lists", "`action-runs token list` lists"],
  ["GET …/actions lists", "`action-runs action list` lists"],
  ["GET …/schedules lists", "`action-runs schedule list` lists"],
  ["GET …/bulk-operations lists", "`action-runs bulk list` lists"],
  ["GET …/webhook-endpoints lists", "`action-runs webhook list` lists"],
  ["GET …/status shows", "`action-runs webhook status` shows"],
  ["GET …/pauses lists", "`action-runs group pauses` lists"],
  ["GET …/action-runs/{id}?include=details", "`action-runs get --details`"],
  ["GET …/action-runs/{id} shows", "`action-runs get --details` shows"],
  ["notBefore, approval and concurrency hold back", "--not-before and the gates of an action hold back"],
  ["minted with mayApprove", "created with --may-approve"],
  ["session ended. Sign in again.", "session ended. Run `action-runs login` again."],
  ["minted with mayActForOthers", "created with --may-act-for-others"],
  ["Send the header On-Behalf-Of with", "Use --on-behalf-of with"],
  ["send gracePeriodSeconds 0", "use --grace-period 0"],
  ["Omit If-Match.", "Omit --if-version."],
  ["Send If-Match with its ETag to replace it", "Omit --if-new to replace it"],
  ["the one in your If-Match", "the one in --if-version"],
  ["Idempotency-Key", "--idempotency-key"],
  ["On-Behalf-Of", "--on-behalf-of"],
  [" (in a query, write + as %2B)", ""],
];

/** The error in the words of the command line: `--created-after` instead of `createdAfter`. `options`: those in use. */
export function withFlagNames(fault: unknown, options: readonly Option[]): unknown {
  if (!(fault instanceof ActionRunsError)) return fault;
  const { message, cause, ...details } = fault;
  // The service names a member at the beginning of a sentence.
  const named =
    fault.status !== 400
      ? message
      : message.replace(/(^|\. )(?:filter\.)?([A-Za-z]+)(?:\.\d+)?: /g, (whole, before: string, member: string) => {
          const name = OPTIONS.get(member) ?? member;
          const flag = options.find((option) => option.attributeName() === name)?.long;
          return flag ? `${before}${flag}: ` : whole;
        });
  const told = WORDS.reduce((text, [http, ours]) => text.replaceAll(http, ours), named);
  return new ActionRunsError(told, { ...details, cause });
}
