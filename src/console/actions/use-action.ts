/** A stored action as it is now, for pages about something else that need it: a run of it, or a schedule of it. */
import { ActionRunsError, type Schemas, type Stored } from "../../client/index.ts";
import { useSession } from "../session/session.tsx";
import { type Loaded, useRead } from "../ui/load.tsx";

export type StoredAction = Stored<Schemas["Action"]>;

/** The data is null if there is no such action. `name`: undefined if nobody needs one. */
export function useAction(name: string | undefined): Loaded<StoredAction | null | undefined> {
  const { reader } = useSession();
  return useRead(
    async (signal) => {
      if (name === undefined) return undefined;
      try {
        return await reader.actions.get(name, { signal });
      } catch (error) {
        if (error instanceof ActionRunsError && error.code === "action_not_found") return null;
        throw error;
      }
    },
    [reader, name],
  );
}
