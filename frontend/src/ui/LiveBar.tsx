import { WifiOff } from "lucide-react";
import type { SocketStatus } from "@/live/socket";
import styles from "./LiveBar.module.css";

/** Says so when what is on the page has stopped following the server. */
export function LiveBar({ status }: { status: SocketStatus }) {
  if (status !== "paused" && status !== "refused") return null;
  return (
    <div role="status" className={styles.bar}>
      <WifiOff size={14} aria-hidden />
      {status === "paused"
        ? "Live updates paused, reconnecting"
        : "Live updates were refused: reload the page, or sign in again."}
    </div>
  );
}
