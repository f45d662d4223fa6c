"""The look of the admin panel, which django-unfold draws."""

from typing import Any

from django.urls import reverse_lazy


def _section(title: str, *entries: tuple[str, str, str]) -> dict[str, Any]:
    """A part of the side bar; each entry has a title, an icon and the name of its model."""
    return {
        "title": title,
        "items": [
            {"title": name, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}
            for name, icon, model in entries
        ],
    }


UNFOLD = {
    "SITE_TITLE": "r1web",
    "SITE_HEADER": "r1web",
    "SITE_SUBHEADER": "Administration",
    "SITE_SYMBOL": "show_chart",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda _: "/static/pages/icon.svg"}
    ],
    "BORDER_RADIUS": "8px",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "COLORS": {
        "primary": {  # the app's accent, from light to dark
            "50": "#eef8fa",
            "100": "#d5eef4",
            "200": "#aedde8",
            "300": "#7fcadb",
            "400": "#52c0d8",
            "500": "#1f93ad",
            "600": "#0b6b85",
            "700": "#095a70",
            "800": "#0a4a5c",
            "900": "#0b3d4c",
            "950": "#062831",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            _section(
                "Training",
                ("Runs", "show_chart", "runs_run"),
                ("Attempts", "replay", "runs_attempt"),
                ("History", "history", "runs_transition"),
                ("Checkpoints", "save", "runs_checkpoint"),
                ("Releases", "package_2", "releases_release"),
                ("Events", "list", "runs_event"),
                ("Prompts", "help", "rollouts_group"),
            ),
            _section(
                "Alerts",
                ("Alerts", "notifications", "alerts_alert"),
                ("Rules", "rule", "alerts_rule"),
                ("Targets", "outgoing_mail", "alerts_target"),
                ("Deliveries", "send", "alerts_delivery"),
            ),
            _section(
                "Comparing",
                ("Saved views", "bookmark", "compare_savedview"),
                ("Notes", "notes", "compare_note"),
            ),
            _section(
                "Machines",
                ("Nodes", "dns", "cluster_node"),
                ("Leases", "memory", "cluster_lease"),
            ),
            _section(
                "Ledger",
                ("Price book", "payments", "ledger_price"),
                ("Bookings", "receipt_long", "ledger_booking"),
            ),
            _section(
                "People",
                ("Users", "person", "accounts_user"),
                ("Projects", "folder", "accounts_project"),
                ("API tokens", "key", "accounts_apitoken"),
            ),
        ],
    },
}
