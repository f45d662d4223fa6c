"""The points are lines and pages now."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('metrics', '0004_points_as_lines'),
    ]

    operations = [
        migrations.DeleteModel(
            name='Point',
        ),
    ]
