"""Tables for points in columns; see metrics/models.py."""

import django.db.models.deletion
from django.db import migrations, models


def store_as_it_is(apps, schema_editor):
    """What is compressed already PostgreSQL need not try to compress."""
    if schema_editor.connection.vendor == 'postgresql':
        schema_editor.execute('ALTER TABLE metrics_chunk ALTER COLUMN data SET STORAGE EXTERNAL')
        schema_editor.execute('ALTER TABLE metrics_page ALTER COLUMN axes SET STORAGE EXTERNAL')


class Migration(migrations.Migration):

    dependencies = [
        ('metrics', '0002_points_without_constraints'),
        ('runs', '0006_one_index_less'),
    ]

    operations = [
        migrations.CreateModel(
            name='Layout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(help_text='Of `series`.', max_length=16)),
                ('series', models.BinaryField(help_text='Keys of series, as little-endian int64.')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.run')),
            ],
        ),
        migrations.CreateModel(
            name='Line',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('seq', models.PositiveBigIntegerField(help_text='Of the event that told it.', null=True)),
                ('step', models.PositiveIntegerField()),
                ('time', models.FloatField(help_text='Unix time in seconds.')),
                ('values', models.BinaryField(help_text='Little-endian float64, in the order of the layout.')),
                ('attempt', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='runs.attempt')),
                ('layout', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='metrics.layout')),
            ],
        ),
        migrations.CreateModel(
            name='Page',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('level', models.PositiveSmallIntegerField()),
                ('number', models.PositiveIntegerField(help_text='Of its first page of level 0, from 0.')),
                ('until', models.PositiveIntegerField(help_text='Of the first page of level 0 after it.')),
                ('width', models.PositiveBigIntegerField(help_text='Steps a bucket, a power of two; 0: points.')),
                ('items', models.PositiveIntegerField(help_text='Points or buckets of a series that has them all.')),
                ('lines', models.PositiveBigIntegerField()),
                ('first_step', models.PositiveIntegerField()),
                ('last_step', models.PositiveIntegerField()),
                ('first_seq', models.PositiveBigIntegerField(null=True)),
                ('last_seq', models.PositiveBigIntegerField(null=True)),
                ('axes', models.BinaryField(help_text='Steps, times and event numbers, see codec.py.')),
                ('attempt', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pages', to='runs.attempt')),
                ('parent', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='children', to='metrics.page')),
            ],
        ),
        migrations.CreateModel(
            name='Chunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.PositiveBigIntegerField()),
                ('data', models.BinaryField(help_text='See codec.py.')),
                ('series', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='metrics.series')),
                ('page', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='metrics.page')),
            ],
        ),
        migrations.AddConstraint(
            model_name='layout',
            constraint=models.UniqueConstraint(fields=('run', 'digest'), name='one_layout_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='page',
            constraint=models.UniqueConstraint(fields=('attempt', 'level', 'number'), name='one_page_a_place'),
        ),
        migrations.AddConstraint(
            model_name='chunk',
            constraint=models.UniqueConstraint(fields=('series', 'page'), name='one_chunk_a_page'),
        ),
        migrations.RunPython(store_as_it_is, migrations.RunPython.noop),
    ]
