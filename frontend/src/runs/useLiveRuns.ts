import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { keys, type RunRow } from "@/api/queries";
import { connect, type SocketStatus } from "@/live/socket";
import { changesMembership, type RunPages, withRows } from "./liveRows";

type ListMessage = { type: "runs"; runs: RunRow[] } | { type: "ping" } | { type: "hello" };

const LISTS = [...keys.runs, "list"];
/** Runs often change in bursts: one question to the server answers for all of them. */
const GATHER_MS = 400;

/** Keeps every list of runs on the page as the server's stream says; tells how the stream is. */
export function useLiveRuns(): SocketStatus {
  const client = useQueryClient();
  const [status, setStatus] = useState<SocketStatus>("connecting");
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let before = false;
    const askAgain = () => {
      clearTimeout(timer);
      timer = setTimeout(() => void client.invalidateQueries({ queryKey: LISTS }), GATHER_MS);
    };
    const connection = connect("/ws/runs", {
      onMessage: (message) => {
        const { type, ...body } = message as ListMessage;
        if (type === "runs" && "runs" in body && apply(client, body.runs)) askAgain();
      },
      onStatus: (now) => {
        setStatus(now);
        if (now !== "open") return;
        if (before) askAgain(); // what was missed; a first socket is told what is under way
        before = true;
      },
    });
    return () => {
      clearTimeout(timer);
      connection.close();
    };
  }, [client]);
  return status;
}

/** Puts the rows into every list; true when a list must be asked for anew. */
function apply(client: QueryClient, rows: readonly RunRow[]): boolean {
  let stale = false;
  for (const [key, pages] of client.getQueriesData<RunPages>({ queryKey: LISTS })) {
    if (!pages) continue;
    stale ||= changesMembership(pages, rows);
    client.setQueryData(key, withRows(pages, rows));
  }
  return stale;
}
