/** The rule for numbers that would change on their way, which the console shares with the command line. */

export { type Parsed, parseExact, problemOfNumber } from "../../client/exact-json.ts";
