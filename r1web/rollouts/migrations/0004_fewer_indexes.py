"""Constraints and an index find the same rows as these three."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rollouts', '0003_what_was_not_trained_on'),
        ('runs', '0006_one_index_less'),
    ]

    operations = [
        migrations.AlterField(
            model_name='completion',
            name='group',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='completions', to='rollouts.group'),
        ),
        migrations.AlterField(
            model_name='group',
            name='attempt',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.attempt'),
        ),
        migrations.AlterField(
            model_name='group',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='runs.run'),
        ),
    ]
