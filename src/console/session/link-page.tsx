/** Signs in by the code of a link that `npm start` printed. It never replaces a session without asking. */

import { useEffect, useState } from "preact/hooks";
import { hrefOf, useRoute, useRouter } from "../routes/router.tsx";
import { Button } from "../ui/button.tsx";
import { DialogButtons } from "../ui/dialog.tsx";
import { Empty } from "../ui/empty.tsx";
import { sentenceOf } from "../ui/error-view.tsx";
import { useSessionApi, useSessionStore } from "./session.tsx";
import { type Address, opens, type Session } from "./sign-in.ts";

interface LinkPageProps {
  readonly code: string;
  readonly session: Session | null;
  readonly at: Address;
  /** The code is used, or nobody wants to use it. */
  readonly onDone: () => void;
}

/** An environment of the project, if the address names none. */
const SOME_ENVIRONMENT = "production";

export function LinkPage({ code, session, at, onDone }: LinkPageProps) {
  const api = useSessionApi();
  const store = useSessionStore();
  const router = useRouter();
  const { page } = useRoute();
  const [isAgreed, setAgreed] = useState(session === null);

  useEffect(() => {
    if (!isAgreed) return;
    async function begin() {
      try {
        const begun = await api.begin({ code });
        const [o = "", p = ""] = begun.holder.project?.split("/") ?? [];
        const isThere = page !== null && at !== null && opens(begun.holder, at);
        const scope = { o, p, envName: (isThere ? at.envName : null) ?? SOME_ENVIRONMENT };
        store.begin(begun, scope);
        if (!isThere) router.navigate(hrefOf({ name: "runs", ...scope }), { replace: true });
      } catch (error) {
        if (session === null) store.refuse(sentenceOf(error));
      }
      onDone();
    }
    begin();
    // The code is good once, so this runs once.
  }, [isAgreed]);

  if (isAgreed || session === null) return null;
  return (
    <main class="sign-in">
      <Empty isPage title="You are already signed in">
        <p>
          You are signed in as <strong>{session.holder.name}</strong>. The link signs you in as the operator instead.
        </p>
        <DialogButtons>
          <Button onClick={onDone}>Stay signed in</Button>
          <Button kind="primary" onClick={() => setAgreed(true)}>
            Use the link
          </Button>
        </DialogButtons>
      </Empty>
    </main>
  );
}
