/** The changes of a dialog: sent one at a time, so that a double click is one change, and each body under a key of its own. */

import { useEffect, useRef, useState } from "preact/hooks";
import { keyPerBody } from "../ui/key-per-body.ts";
import { type Problem, problemOf } from "./forms.ts";

interface Sending {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

export interface Change<Field extends string> {
  readonly isBusy: boolean;
  readonly problem: Problem<Field> | null;
  readonly refuse: (problem: Problem<Field>) => void;
  /** Sends `body`, unless a try is under way. `done` is not called if the dialog was closed meanwhile. */
  readonly submit: <Body, T>(
    body: Body,
    send: (body: Body, options: Sending) => Promise<T>,
    done: (answer: T) => void,
  ) => Promise<void>;
}

/** `names`: the fields of the dialog, as the API names them. */
export function useChange<Field extends string>(names: readonly Field[]): Change<Field> {
  const [keyOf] = useState(keyPerBody);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem<Field> | null>(null);
  // A second click can come before the component renders again.
  const isUnderWay = useRef(false);
  const aborter = useRef(new AbortController());
  useEffect(() => () => aborter.current.abort(), []);

  async function submit<Body, T>(
    body: Body,
    send: (body: Body, options: Sending) => Promise<T>,
    done: (answer: T) => void,
  ) {
    if (isUnderWay.current) return;
    const { signal } = aborter.current;
    isUnderWay.current = true;
    setBusy(true);
    setProblem(null);
    try {
      const answer = await send(body, { idempotencyKey: keyOf(body), signal });
      if (!signal.aborted) done(answer);
    } catch (error) {
      if (!signal.aborted) setProblem(problemOf(error, names));
    } finally {
      isUnderWay.current = false;
      setBusy(false);
    }
  }
  return { isBusy, problem, refuse: setProblem, submit };
}

/** What is wrong with a field; null: nothing. */
export function problemAt<Field extends string>(
  problem: Problem<Field> | null,
  field: Field | null,
): string | null {
  return problem !== null && problem.field === field ? problem.sentence : null;
}
