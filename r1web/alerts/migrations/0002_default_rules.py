"""Projects that exist already begin with the same rules as new ones."""

from django.db import migrations

from r1web.alerts.defaults import DEFAULT_RULES


def give_default_rules(apps, schema_editor):
    rule, project = apps.get_model("alerts", "Rule"), apps.get_model("accounts", "Project")
    for each in project.objects.all():
        rule.objects.bulk_create(rule(project=each, **fields) for fields in DEFAULT_RULES)


class Migration(migrations.Migration):
    dependencies = [("alerts", "0001_initial")]

    operations = [migrations.RunPython(give_default_rules, migrations.RunPython.noop)]
