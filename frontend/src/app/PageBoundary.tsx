import { Component, type ReactNode } from "react";
import { ErrorState } from "@/ui/Message";

interface State {
  error: unknown;
}

/** Keeps the frame when a page breaks, and says what happened. */
export class PageBoundary extends Component<{ children: ReactNode }, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  override render() {
    if (this.state.error === null) return this.props.children;
    return <ErrorState error={this.state.error} onRetry={() => window.location.reload()} />;
  }
}
