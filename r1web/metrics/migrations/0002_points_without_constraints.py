"""The database no longer looks up what a point belongs to; see metrics/models.py."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('metrics', '0001_initial'),
        ('runs', '0006_one_index_less'),
    ]

    operations = [
        migrations.AlterField(
            model_name='point',
            name='attempt',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.attempt'),
        ),
        migrations.AlterField(
            model_name='point',
            name='series',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='points', to='metrics.series'),
        ),
        migrations.AlterField(
            model_name='series',
            name='run',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='series', to='runs.run'),
        ),
    ]
