"""All groups are packed by now."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('rollouts', '0006_pack_completions'),
    ]

    operations = [
        migrations.DeleteModel(
            name='Completion',
        ),
        migrations.AlterField(  # for the way back, where rows get it before it is filled
            model_name='group',
            name='prompt',
            field=models.TextField(default=''),
        ),
        migrations.RemoveField(
            model_name='group',
            name='prompt',
        ),
        migrations.AlterField(
            model_name='group',
            name='segment',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='groups', to='rollouts.segment'),
        ),
        migrations.AddIndex(
            model_name='group',
            index=models.Index(fields=['prompt_key', 'run'], name='group_prompt'),
        ),
    ]
