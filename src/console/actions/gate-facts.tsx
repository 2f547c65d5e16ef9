/** What holds back the runs of an action, to read. */

import type { ComponentChildren } from "preact";
import type { Action } from "../../client/index.ts";
import { hrefOf, Link } from "../routes/router.tsx";
import { useSession } from "../session/session.tsx";
import { Fact } from "./trigger-view.tsx";

type Gates = Pick<Action, "approval" | "concurrency">;

const CONFLICTS: Readonly<Record<NonNullable<Gates["concurrency"]>["onConflict"], string>> = {
  queue: "others wait",
  cancel_running: "a newer run replaces the others",
  reject: "others are refused",
};

export function GateFacts({ of: { approval, concurrency } }: { readonly of: Gates }) {
  const { scope } = useSession();
  return (
    <>
      {approval === undefined ? null : (
        <Fact term="Approvals">
          {approval.required}
          {approval.allowSelf ? "" : ", by somebody else"}
        </Fact>
      )}
      {concurrency === undefined ? null : (
        <Fact term="Group">
          <Link href={hrefOf({ name: "runs", ...scope }, new URLSearchParams({ group: concurrency.group }))}>
            {concurrency.group}
          </Link>
          <Key of={concurrency.key} />: {concurrency.limit} at once, {CONFLICTS[concurrency.onConflict]}
        </Fact>
      )}
    </>
  );
}

function Key({ of }: { readonly of: string | undefined }): ComponentChildren {
  return of === undefined ? null : (
    <>
      {" for each "}
      <code>
        <bdi>{of}</bdi>
      </code>
    </>
  );
}

/** What a new run of the action waits for, as a sentence; null if for nothing. */
export function gatesText({ approval, concurrency }: Gates): string | null {
  const waits = [
    ...(approval === undefined ? [] : [approval.required === 1 ? "an approval" : `${approval.required} approvals`]),
    ...(concurrency === undefined ? [] : [`a slot of the group ${concurrency.group}`]),
  ];
  return waits.length === 0 ? null : `The run starts when it has ${waits.join(" and ")}.`;
}
