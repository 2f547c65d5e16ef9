/** Asks before somebody leaves a page whose form holds what is not saved: by a link, by back and forward, by a reload. */
import { useEffect, useState } from "preact/hooks";
import { useRouter } from "../router.tsx";
import { ChangeDialog, useChange } from "../ui/forms.tsx";

/** `isDirty`: whether anything would be lost. */
export function LeaveGuard({ isDirty }: { readonly isDirty: boolean }) {
  const router = useRouter();
  const change = useChange();
  const [go, setGo] = useState<(() => void) | null>(null);
  useEffect(() => {
    if (!isDirty) return;
    // The browser asks in its own words.
    const warn = (event: Event) => event.preventDefault();
    addEventListener("beforeunload", warn);
    const release = router.guard((next) => setGo(() => next));
    return () => {
      removeEventListener("beforeunload", warn);
      release();
    };
  }, [router, isDirty]);
  if (go === null) return null;
  return (
    <ChangeDialog
      title="Leave without saving?"
      change={change}
      onSubmit={() => {
        setGo(null);
        go();
      }}
      onClose={() => setGo(null)}
      verb="Leave"
      kind="danger"
      keep="Keep editing"
      isLocal
    >
      <p>What you changed on this page is not saved, and would be lost.</p>
    </ChangeDialog>
  );
}
